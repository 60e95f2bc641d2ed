"""Clean: which rows do we trust, what is set aside and why?"""
