"""The limit of the scoring service, which its command line names before the service itself is loaded."""

# A hundred inputs of a batch, at the parameters that scoring needs, in base64.
LARGEST_SCORING_BODY = 32 * 1024 * 1024
