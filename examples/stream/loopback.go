package main

import (
	"errors"
	"net"
)

// connect returns the two ends of a TCP connection on loopback.
func connect() (near, far net.Conn, err error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, nil, err
	}
	defer l.Close()
	far, err = net.Dial("tcp", l.Addr().String())
	if err != nil {
		return nil, nil, err
	}
	near, err = l.Accept() // it is in the queue
	if err != nil {
		return nil, nil, errors.Join(err, far.Close())
	}
	return near, far, nil
}
