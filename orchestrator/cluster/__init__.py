"""Jobs on other machines: what a worker announces, who gets which job, and how files and results move."""
