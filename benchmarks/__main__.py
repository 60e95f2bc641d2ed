"""Run all benchmarks and print their ratios."""

from benchmarks import assign, bulk, churn, classify, clv, feedback, month, offers, summary


def main() -> None:
    """Print one line per figure, the month first: peak memory of children is a running maximum."""
    for benchmark in (month, summary, classify, clv, churn, bulk, feedback, offers, assign):
        for line in benchmark.report():
            print(line, flush=True)


main()
