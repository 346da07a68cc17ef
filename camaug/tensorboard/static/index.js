// The front end stands here.
export function render() {}
