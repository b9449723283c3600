"""What allowed answers tell about few contributors: pure functions of readable labels and of sums."""
