"""Customer lifetime value: what will each customer be worth, and how wrong have we been?"""
