"""A socket that lets nobody in keeps whom it has let in."""

import socket

import pytest

from mainspring.elements.listening import let_none_in


def test_whoever_is_connected_is_answered_and_nobody_else_comes() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        early = socket.create_connection(listener.getsockname())
        let_none_in(listener)
        with pytest.raises(TimeoutError):
            socket.create_connection(listener.getsockname(), timeout=0.2)
        accepted, _ = listener.accept()
        early.sendall(b"question")
        assert accepted.recv(100) == b"question"
        accepted.sendall(b"answer")
        assert early.recv(100) == b"answer"
        accepted.close()
        early.close()


def test_once_it_is_closed_callers_are_refused() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        place = listener.getsockname()
        let_none_in(listener)
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(place, timeout=5)
