"""References, made-up files and small runs that several tests share."""
