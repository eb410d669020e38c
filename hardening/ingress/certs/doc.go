// Package certs is the node's certificate, where TLS ends at home and a relay carries what it cannot read.
//
// It has one issued by ACME (RFC 8555) with the challenge tls-alpn-01 (RFC 8737), which is answered on the port that visitors
// come to: no other port, no record in the DNS. Requests to the certificate authority go by the transport that the package is
// given, and by no other way. What it keeps goes into a Store: the key of the account, the certificate and its key.
//
// An observer who connects without one of the node's names in SNI (RFC 6066) gets an alert, the same for no name and for a
// wrong one, and no certificate: who scans addresses learns that something speaks TLS there, and not whose it is. An observer who
// reads the logs of certificates (RFC 9162) learns the node's names, and when each certificate was issued: of any server.
//
// Whoever holds the public address, the relay, could have a certificate of their own issued in the same way. CAA gives the
// record for the DNS that keeps them from it (RFC 8657): it allows the account of this node alone.
//
// The package dials nothing, listens nowhere and writes no file. It keeps no address of anybody, and logs no remote text but the
// URL of the account, in the CAA record that the owner is told with each certificate.
package certs
