"""The benchmark: this job against what one would write otherwise, each as a process of its own."""
