"""Run all benchmarks and print their ratios."""

from benchmarks import bulk, classify, month, summary


def main() -> None:
    """Print one line per figure, the month first: peak memory of children is a running maximum."""
    for line in (*month.report(), *summary.report(), *classify.report(), *bulk.report()):
        print(line, flush=True)


main()
