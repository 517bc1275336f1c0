import type { RequestHandler } from 'express';

/** `//v1//batch` is `/v1/batch`: SDKs put a path behind an address that ends with a slash. */
export const oneSlash: RequestHandler = (request, _response, next) => {
  const [path = '', ...query] = request.url.split('?');
  // A request by way of a proxy names the whole address, with the two slashes that belong to it.
  if (path.startsWith('/') && path.includes('//')) {
    request.url = [path.replace(/\/{2,}/g, '/'), ...query].join('?');
  }
  next();
};
