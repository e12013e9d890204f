// The preload by its old name, until nothing uses that any more.
import './compile-cache.js';
