"""Sources and changes of the kernel as text: conditions, functions, statements, changed lines."""
