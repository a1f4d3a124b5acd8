"""A rated set looked over: its pictures, ratings and copies, as a page and tables."""
