"""The arithmetic of the domain on whole books at once, held equal to that of one loan."""
