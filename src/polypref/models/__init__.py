"""Preference models: backbones, the encode-once engine, heads, and `PreferenceModel` that joins them."""
