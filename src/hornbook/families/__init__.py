"""One folder a family. A family is a declaration; nothing outside this package names one."""
