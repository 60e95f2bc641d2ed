"""Segment: what kinds of customers do we have, and who moved?"""
