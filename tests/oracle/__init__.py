"""The oracle: reads the whole log from offset 0 and says whether anything was lost, doubled, altered or leaked.

It shares the contracts with the system and none of its code, so that a mistake there is not repeated here.
"""
