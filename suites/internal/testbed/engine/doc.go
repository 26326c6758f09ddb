// Package engine finds a container engine that can run a node, and says what had to be worked around.
//
// Nobody is believed: a command line without a daemon is no engine, and an engine counts only once it has started a privileged
// container. What was found is remembered until the machine boots again. The user's own configuration is neither read nor edited:
// settings that a machine needs go into a file of our own, which CONTAINERS_CONF names.
package engine
