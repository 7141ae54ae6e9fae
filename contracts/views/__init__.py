"""What the events mean to everybody who reads them: pure folds from events to the rows of read models.

A fold gets the row as it was (None before the first event) and one event, and gives the row as it is; it never
refuses, and it may change the row in place. Every projection of any service is one of these rows in a table.
"""
