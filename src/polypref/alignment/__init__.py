"""Policies that learn from preference models."""
