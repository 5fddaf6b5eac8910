"""KCIDB v5.3, the common format of kernel CI systems (docs/outbound.md): what was checked out, built and tested, and
which issues were met. The schema is kcidb_io's."""
