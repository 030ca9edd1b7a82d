"""Models behind HTTP, people's votes and what they say now, and a page to vote on."""
