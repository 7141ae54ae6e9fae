"""The rules of import and export jobs, without any machinery."""
