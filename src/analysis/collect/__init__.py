"""Collect: what arrived, from where, and is it complete?"""
