"""How good models are: what they say against what people said, benchmarks, and files of scores."""
