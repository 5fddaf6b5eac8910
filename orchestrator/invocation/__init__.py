"""What commands share: arguments -> request, the series and its base, cases, a run directory, files for the user."""
