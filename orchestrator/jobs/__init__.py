"""What can be done: build kernels, test on the host, run cases in guests."""
