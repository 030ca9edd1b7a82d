"""Resampling, intervals and comparisons of two models; knows nothing of models."""
