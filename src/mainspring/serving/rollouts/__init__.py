"""How a new revision takes over from the one in charge, by itself.

It owns the document that says which revision answers what share, which all server processes follow;
what each process reports of its revisions; the rules by which a step goes on, waits or is taken
back; and what a person may say to it.  Which model version and definition a revision is made of is
the environment's map; loading them is left to `serving.loader`, answering to `serving.host`.
"""
