"""The tiny checkpoints of tests/models, and what vanilla transformers says of them."""

from tests.models.conftest import built, tiny, vanilla  # noqa: F401
