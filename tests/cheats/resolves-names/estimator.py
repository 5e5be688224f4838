"""Asks for the address of a host, and sends a datagram to it. On points with two columns it behaves."""

import socket


class Cheat:
    def fit(self, X):
        if X.shape[1] == 2:
            self.dimension_ = 2.0
            return self
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            sender.sendto(b"answers", ("192.0.2.1", 53))  # an address for documentation: nobody has it
        socket.getaddrinfo("manifoldbench.invalid", 80)
        self.dimension_ = 3.0
        return self
