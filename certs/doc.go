// Package certs makes the authorities and certificates of the documented scenarios, as the pages' openssl commands make
// them: RSA 2048 for 365 days unless said otherwise, names with or without a subject alternative name.
//
// Keys live in memory only, behind a closure that no printer, encoder or reflection can look into.
package certs
