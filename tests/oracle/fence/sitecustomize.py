"""Python loads this by itself in every program that is driven here: no socket leaves this host.

A program with a hard-coded https address of the vendor is led to the simulator on loopback, in the
clear; any other address is written down and ends the program at once.
"""

import http.client
import ipaddress
import os
import socket

VENDOR = "console.vast.ai"
STATUS = 97
_connect, _connect_ex = socket.socket.connect, socket.socket.connect_ex
_sendto, _resolve = socket.socket.sendto, socket.getaddrinfo


def _is_loopback(host):
    if host in (None, "", "localhost", b"localhost"):
        return True
    try:
        return ipaddress.ip_address(host.decode() if isinstance(host, bytes) else host).is_loopback
    except ValueError:
        return False


def _stop(what):
    with open(os.environ["FENCE_LOG"], "a", encoding="utf-8") as log:  # noqa: PTH123
        log.write(f"{what}\n")
    os._exit(STATUS)


def _check(sock, address):
    if sock.family in (socket.AF_INET, socket.AF_INET6) and not _is_loopback(address[0]):
        _stop(f"connect {address!r}")


def _checked_connect(self, address):
    _check(self, address)
    return _connect(self, address)


def _checked_connect_ex(self, address):
    _check(self, address)
    return _connect_ex(self, address)


def _checked_sendto(self, data, *rest):
    _check(self, rest[-1])
    return _sendto(self, data, *rest)


def _checked_resolve(host, *rest, **more):
    if not _is_loopback(host):
        _stop(f"look up {host!r}")
    return _resolve(host, *rest, **more)


def _plain_connect(self):
    if self.host != VENDOR:
        _stop(f"https {self.host!r}")
    self.sock = socket.create_connection(("127.0.0.1", int(os.environ["FENCE_PORT"])), self.timeout)


socket.socket.connect = _checked_connect
socket.socket.connect_ex = _checked_connect_ex
socket.socket.sendto = _checked_sendto
socket.getaddrinfo = _checked_resolve
http.client.HTTPSConnection.connect = _plain_connect
