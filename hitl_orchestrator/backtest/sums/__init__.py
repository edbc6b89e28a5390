"""The sums of a backtest, over groups of cases that each have one answer."""
