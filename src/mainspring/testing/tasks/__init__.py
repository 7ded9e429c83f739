"""Small tasks that the compute contract runs in processes of their own."""

__all__: list[str] = []
