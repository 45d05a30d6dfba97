"""The sections of the report, a file each: a function of the subject that returns a section."""
