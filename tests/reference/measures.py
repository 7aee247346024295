"""Retrieval measures, straight from their definitions, one query at a time."""


def precision(relevant, rank):
    return sum(relevant[:rank]) / rank


def average_precision(relevant, n_relevant):
    hits = [rank for rank in range(1, len(relevant) + 1) if relevant[rank - 1]]
    return sum(precision(relevant, rank) for rank in hits) / n_relevant


def average_precision_first(relevant, cutoff):
    first = relevant[:cutoff]
    return average_precision(first, sum(first)) if any(first) else 0.0


def nmrr(relevant, n_relevant, largest):
    reach = min(4 * n_relevant, 2 * largest)
    hits = [rank for rank in range(1, len(relevant) + 1) if relevant[rank - 1]]
    ranks = [rank if rank <= reach else 1.25 * reach for rank in hits]
    ranks += [1.25 * reach] * (n_relevant - len(hits))
    average = sum(ranks) / n_relevant
    ideal = 0.5 + n_relevant / 2
    return (average - ideal) / (1.25 * reach - ideal)


def oxford_average_precision(relevant, n_relevant):
    """What compute_ap.cpp of Oxford Buildings adds up, rank by rank."""
    old_recall, old_precision, hits, total = 0.0, 1.0, 0, 0.0
    for rank, hit in enumerate(relevant, 1):
        hits += hit
        recall, precision = hits / n_relevant, hits / rank
        total += (recall - old_recall) * (old_precision + precision) / 2
        old_recall, old_precision = recall, precision
    return total
