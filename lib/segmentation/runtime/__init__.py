"""Process plumbing: Java, the JVM and its class archive, the session, temporary folders."""
