"""Churn: who is leaving, how sure are we, what is at stake?"""
