"""The app: pictures dropped on a page get ratings, in a browser on the same machine.

May import: predict and what that may import. Needs Gradio, the extra `app`.
"""
