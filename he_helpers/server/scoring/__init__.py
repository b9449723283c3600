"""The scoring service: a model's score of encrypted inputs."""
