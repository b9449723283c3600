"""Where custodians share the key of a dataset: their sealed letters, and what they answer to a request."""
