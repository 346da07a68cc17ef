/** Error of a server that cannot be reached. What failed for this reason is loaded again once the server responds. */
export class ConnectionError extends Error {}
