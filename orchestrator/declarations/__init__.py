"""Files that declare things -> model values, one module for each kind of thing."""
