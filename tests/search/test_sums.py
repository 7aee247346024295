import numpy as np

from semsig import ClassTable, SbsSchema
from semsig.search.sums import quarter_groups


def test_a_cell_is_in_the_group_of_its_class_and_quarter():
    groups = quarter_groups(SbsSchema(2, ClassTable("ab")))
    rows, columns = np.divmod(np.arange(16), 4)
    quarters = rows // 2 * 2 + columns // 2
    expected = [label * 4 + quarter for quarter in quarters for label in range(2)]
    assert groups.tolist() == expected
