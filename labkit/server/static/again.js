// A page that waits for a place tries again by itself.
setTimeout(() => location.reload(), 20000);
