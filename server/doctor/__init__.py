"""``tolk doctor``: looks at this machine and the settings before people come, and says what to do.

Each file looks at one thing and returns findings. Nothing is stored, and nothing is sent beyond
this machine, except that a name in ``--public-url`` is looked up.
"""
