from semsig.search.few import FewScan
from tests.search.scans import ScanLaws


class TestFewScan(ScanLaws):
    scan = FewScan
