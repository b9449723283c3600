from .noise_gauge import NoiseGauge as NoiseGauge
